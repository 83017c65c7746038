/** What a label selector of the API demands of one label. */
type Requirement = (labels: Readonly<Record<string, string>>) => boolean;

/** Whether labels match a selector such as `app=a,tier!=b,env in (x,y),!old`. */
export function matchesLabels(
  selector: string | undefined,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  return splitOutsideParentheses(selector ?? '')
    .map(requirement)
    .every((holds) => holds(labels));
}

/** Whether an object's fields match a selector such as `status.phase=Running,metadata.name!=a`. */
export function matchesFields(selector: string | undefined, object: unknown): boolean {
  const terms = (selector ?? '').split(',').filter((term) => term !== '');
  return terms.every((term) => {
    const [, path = '', operator, wanted = ''] = /^([^=!]+)(!?==?)(.*)$/.exec(term) ?? [];
    const found = String(fieldAt(object, path.split('.')) ?? '');
    return operator === '!=' ? found !== wanted : found === wanted;
  });
}

function requirement(term: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? '') === (operator === 'in');
  }
  const equality = /^([^=!\s]+)\s*(!?==?)\s*(.*)$/.exec(term);
  if (equality) {
    const [, key = '', operator, value] = equality;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  return term.startsWith('!')
    ? (labels) => labels[term.slice(1).trim()] === undefined
    : (labels) => labels[term] !== undefined;
}

function splitOutsideParentheses(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

function fieldAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[name] : undefined,
    value,
  );
}
