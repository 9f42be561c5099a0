/** The shape of what a product asks of its config beyond its being readable. */

export interface ConfigRules {
  /** From JSON pointers to what must stand there, as `values` of the kind `json` has it. */
  readonly values: Readonly<Record<string, unknown>>
  /** By pointer: the command that puts a wrong value right. */
  readonly mend: Readonly<Record<string, string>>
  readonly schema: {
    /** In the state folder, where somebody has put it. */
    readonly file: string
    /** Prints the schema of the installed release. */
    readonly print: string
    /** The product's program, whose age says whether a schema may be older than the release. */
    readonly command: string
  }
}
