/** Anything that starts after others: a component or a task. */
export interface Ordered {
  readonly name: string;
  readonly after?: readonly string[];
}

/** Refuses, with every problem named, a set that could never start: a name twice, unknown, or in a circle. */
export function checkStartOrder(units: readonly Ordered[]): void {
  const problems: string[] = [];
  const known = new Map<string, Ordered>();
  for (const unit of units) {
    if (known.has(unit.name)) problems.push(`${unit.name} is there twice`);
    known.set(unit.name, unit);
  }
  for (const unit of units) {
    for (const name of unit.after ?? []) {
      if (!known.has(name)) problems.push(`${unit.name} starts after ${name}, which does not exist`);
    }
  }
  const circle = findCircle(known);
  if (circle) problems.push(`${circle.join(' starts after ')}: a circle`);
  if (problems.length > 0) throw new Error(`the lab's parts cannot start: ${problems.join('; ')}`);
}

function findCircle(units: ReadonlyMap<string, Ordered>): string[] | null {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | null => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return null;
    for (const next of units.get(name)?.after ?? []) {
      const circle = visit(next, [...path, name]);
      if (circle) return circle;
    }
    done.add(name);
    return null;
  };
  for (const name of units.keys()) {
    const circle = visit(name, []);
    if (circle) return circle;
  }
  return null;
}
