/** What is used of the package, which has no types of its own. */
declare module '@alexaltea/capstone-js' {
  export interface CapstoneInstruction {
    readonly size: number;
    readonly mnemonic: string;
    readonly op_str: string;
  }
  export interface Capstone {
    /** Ends before bytes that are no instruction, and where `each` gives false. */
    disasm_iter(bytes: Uint8Array, address: bigint, each: (instruction: CapstoneInstruction) => boolean): number;
  }
  export interface CapstoneModule {
    readonly Capstone: new (arch: number, mode: number) => Capstone;
    readonly ARCH_X86: number;
    readonly ARCH_ARM64: number;
    readonly MODE_16: number;
    readonly MODE_32: number;
    readonly MODE_64: number;
    readonly MODE_LITTLE_ENDIAN: number;
  }
  const start: () => Promise<CapstoneModule>;
  export default start;
}
