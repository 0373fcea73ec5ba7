/** Capstone, the disassembler, as WebAssembly. Loaded when it is first needed: its code has 3 MB. */
import type { CodeMode } from '@shared/contracts/inspector-code';
import type { Capstone, CapstoneModule } from '@alexaltea/capstone-js';

export interface DecodedInstruction {
  readonly length: number;
  /** `mov`, `rep stosb` */
  readonly mnemonic: string;
  readonly operands: string;
}

/** Decodes as many as `most` instructions; stops before the first bytes that are none. `address`: of the first. */
export type Decode = (
  mode: CodeMode,
  bytes: Uint8Array,
  address: bigint,
  most: number,
) => readonly DecodedInstruction[];

let loading: Promise<Decode> | null = null;

/** One for all inspectors of this process. After an abort of the WebAssembly it is loaded again. */
export function loadDecoder(): Promise<Decode> {
  loading ??= load().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function load(): Promise<Decode> {
  const { default: start } = await import('@alexaltea/capstone-js');
  const module = await start();
  const decoders = new Map<CodeMode, Capstone>();

  function decoderOf(mode: CodeMode): Capstone {
    const known = decoders.get(mode);
    if (known !== undefined) return known;
    const made = new module.Capstone(...archOf(module, mode));
    decoders.set(mode, made);
    return made;
  }

  return (mode, bytes, address, most) => {
    const decoded: DecodedInstruction[] = [];
    try {
      decoderOf(mode).disasm_iter(bytes, address, ({ size, mnemonic, op_str: operands }) => {
        decoded.push({ length: size, mnemonic, operands });
        return decoded.length < most;
      });
    } catch (error) {
      // Its memory can no longer be trusted.
      loading = null;
      throw error;
    }
    return decoded;
  };
}

function archOf(module: CapstoneModule, mode: CodeMode): readonly [arch: number, mode: number] {
  switch (mode) {
    case 'x86-64':
      return [module.ARCH_X86, module.MODE_64];
    case 'x86-32':
      return [module.ARCH_X86, module.MODE_32];
    case 'x86-16':
      return [module.ARCH_X86, module.MODE_16];
    case 'aarch64':
      return [module.ARCH_ARM64, module.MODE_LITTLE_ENDIAN];
  }
}
