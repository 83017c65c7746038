import * as z from 'zod';
import { type CheckResult, categories, stops } from '../../checks/check.ts';

/**
 * What `meshlift check -o json` writes. Published: fields are added, never renamed or given another meaning, as long as
 * `apiVersion` stays.
 */
export const checkSchema = z
  .strictObject({
    apiVersion: z.literal('meshlift.dev/v1alpha1'),
    kind: z.literal('CheckResults'),
    success: z.boolean().meta({ description: 'nothing stops what wanted to begin; warnings do not' }),
    checks: z.array(
      z.strictObject({
        id: z.string().meta({ description: 'stable; `meshlift explain ID` says more' }),
        category: z.enum(categories),
        sentence: z.string().meta({ description: 'what must hold' }),
        severity: z.enum(['fatal', 'warning']).meta({ description: 'fatal stops whatever wanted to begin' }),
        result: z.enum(['pass', 'warning', 'fail', 'unknown', 'skipped']),
        findings: z
          .array(
            z.strictObject({
              why: z.string(),
              next: z.string().meta({ description: 'what to do' }),
              unknown: z.literal(true).optional().meta({ description: 'it could not be told' }),
            }),
          )
          .meta({ description: 'why it is not pass; empty when it is' }),
      }),
    ),
  })
  .meta({ title: 'Meshlift check results' });

export type CheckDocument = z.infer<typeof checkSchema>;

export function checkDocument(checks: readonly CheckResult[]): CheckDocument {
  return {
    apiVersion: 'meshlift.dev/v1alpha1',
    kind: 'CheckResults',
    success: !checks.some(stops),
    checks: checks.map(({ findings, ...it }) => ({
      ...it,
      findings: findings.map((found) => ({ ...found })),
    })),
  };
}
