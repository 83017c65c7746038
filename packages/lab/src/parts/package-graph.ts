/** A package as `go list -deps -json=ImportPath,Imports,ImportMap,Dir,GoFiles` describes it. */
export interface ListedPackage {
  readonly ImportPath: string;
  readonly Imports?: readonly string[];
  /** Import path in the source → the package that it stands for (vendored ones of the standard library). */
  readonly ImportMap?: Readonly<Record<string, string>>;
  readonly Dir?: string;
  readonly GoFiles?: readonly string[];
}

/** `go list -json` writes objects one after another, each beginning and ending on a line of its own. */
export function parsePackageList(output: string): ListedPackage[] {
  return output
    .split(/^}\n/m)
    .filter((text) => text.trim() !== '')
    .map((text) => JSON.parse(`${text}}`));
}

/** Linking costs about as much time as compiling this many bytes of source (measured: 5 s per program). */
const LINK_WEIGHT = 700_000;

/**
 * How far a build is, from the names of packages that `go build -v` prints as it starts to compile each.
 *
 * Go does not print what its cache already has, but it starts a package only when everything that the package
 * imports is there. So a package's name says that all below it is done, whether compiled now or long ago, and a
 * finished program says so of everything that it consists of.
 */
export class BuildGraph {
  readonly #imports: ReadonlyMap<string, readonly string[]>;
  readonly #weight: ReadonlyMap<string, number>;
  /** Program → its package. */
  readonly #programs: ReadonlyMap<string, string>;
  readonly #closures: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #done = new Set<string>();
  readonly #started = new Set<string>();
  readonly #linked = new Set<string>();
  #compiledWeight = 0;
  #allCached = false;

  /** `weights` gives the size of each package's source in bytes, which is what its compiling costs. */
  constructor(
    packages: readonly ListedPackage[],
    weights: ReadonlyMap<string, number>,
    programs: ReadonlyMap<string, string>,
  ) {
    this.#imports = new Map(
      packages.map(({ ImportPath, Imports = [], ImportMap = {} }) => [
        ImportPath,
        Imports.map((path) => ImportMap[path] ?? path),
      ]),
    );
    this.#weight = weights;
    this.#programs = programs;
    this.#closures = new Map(
      [...programs].map(([name, path]) => {
        const closure = new Set<string>();
        this.#addWithImports(path, closure);
        return [name, closure];
      }),
    );
  }

  has(path: string): boolean {
    return this.#imports.has(path);
  }

  /** Go has begun to compile this package. */
  packageStarted(path: string): void {
    if (!this.has(path) || this.#started.has(path)) return;
    this.#started.add(path);
    this.#allCached = false;
    for (const imported of this.#imports.get(path) ?? []) this.#markDone(imported);
  }

  /** The program's file is there. */
  programLinked(name: string): void {
    this.#linked.add(name);
    const path = this.#programs.get(name);
    if (path !== undefined) this.#markDone(path);
  }

  /** So much time has passed that Go would have begun to compile if it had to. Taken back as soon as it begins. */
  nothingToCompile(): void {
    this.#allCached = this.#started.size === 0;
  }

  isLinked(name: string): boolean {
    return this.#linked.has(name);
  }

  /** 0 to 1 of what this program consists of is compiled. */
  compiled(name: string): number {
    if (this.#allCached) return 1;
    const closure = this.#closures.get(name) ?? new Set();
    return share(
      this.#weightOf([...closure].filter((path) => this.#done.has(path))),
      this.#weightOf(closure),
    );
  }

  /** Whether Go has come to the program's main package, the last one: what is left is to link it. */
  isLinking(name: string): boolean {
    const path = this.#programs.get(name);
    if (path === undefined || this.isLinked(name)) return false;
    return this.#allCached || this.#started.has(path) || this.#done.has(path);
  }

  /** What was really compiled since the start, and what may still have to be: both in bytes of source. */
  work(): { readonly spent: number; readonly left: number } {
    const linked = this.#linked.size * LINK_WEIGHT;
    const toLink = this.#programs.size * LINK_WEIGHT - linked;
    const toCompile = this.#weightOf(this.#imports.keys()) - this.#weightOf(this.#done);
    return { spent: this.#compiledWeight + linked, left: toLink + (this.#allCached ? 0 : toCompile) };
  }

  #markDone(path: string): void {
    // Depth first over what is not done yet; what is done has only done packages below it.
    const pending = [path];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (this.#done.has(next) || !this.has(next)) continue;
      this.#done.add(next);
      if (this.#started.has(next)) this.#compiledWeight += this.#weight.get(next) ?? 0;
      pending.push(...(this.#imports.get(next) ?? []));
    }
  }

  #addWithImports(path: string, into: Set<string>): void {
    const pending = [path];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (into.has(next) || !this.has(next)) continue;
      into.add(next);
      pending.push(...(this.#imports.get(next) ?? []));
    }
  }

  #weightOf(paths: Iterable<string>): number {
    let sum = 0;
    for (const path of paths) sum += this.#weight.get(path) ?? 0;
    return sum;
  }
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}

/** Bytes of source that one core compiles in a second, measured on a 2-core machine with all parts. */
const USUAL_SPEED_PER_CORE = 130_000;
/** The measured speed counts fully only after this much work: the first packages are small and slow for their size. */
const TRUSTED_AFTER = 20_000_000;

/** How long the rest takes, from the usual speed at first and the measured one later. */
export function remainingMs(work: { spent: number; left: number }, elapsedMs: number, cores: number): number {
  const usual = (USUAL_SPEED_PER_CORE * cores) / 1000;
  const measured = elapsedMs === 0 ? usual : work.spent / elapsedMs;
  const trust = Math.min(1, work.spent / TRUSTED_AFTER);
  return Math.round(work.left / (usual * (1 - trust) + measured * trust));
}
