/** Told while the VM joins or leaves. */
export interface JoinProgress {
  /** what is being done, for people */
  readonly message: string;
  /** set while the package is on its way */
  readonly upload?: { readonly sent: number; readonly total: number };
}
