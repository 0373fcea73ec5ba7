/** The kernels once more in plain TypeScript, one page and one lane after another: what the tests compare them with. */
import { XXH3_SECRET } from './xxh3-secret';

const MASK = (1n << 64n) - 1n;
const PRIME32 = [0x9e3779b1n, 0x85ebca77n, 0xc2b2ae3dn] as const;
const PRIME64 = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;
const STRIPE = 64;
const BLOCK = 1024;

/** Which pages hold data, bit n of byte n >> 3. */
export function twinPagesWithData(bytes: Uint8Array, pageSize: number): Uint8Array {
  const count = bytes.length / pageSize;
  const bits = new Uint8Array(Math.ceil(count / 8));
  for (let page = 0; page < count; page++) {
    const holds = bytes.subarray(page * pageSize, (page + 1) * pageSize).some((byte) => byte !== 0);
    if (holds) bits[page >> 3] = (bits[page >> 3] ?? 0) | (1 << (page & 7));
  }
  return bits;
}

function fold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return (product & MASK) ^ (product >> 64n);
}

/** XXH3-64, seed 0, of more than 240 bytes; as a number. */
export function twinXxh3(bytes: Uint8Array): bigint {
  const input = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const secret = new DataView(XXH3_SECRET.buffer, XXH3_SECRET.byteOffset, XXH3_SECRET.length);
  let lanes: bigint[] = [
    PRIME32[2],
    PRIME64[0],
    PRIME64[1],
    PRIME64[2],
    PRIME64[3],
    PRIME32[1],
    PRIME64[4],
    PRIME32[0],
  ];

  const takeStripe = (at: number, key: number): void => {
    const data = lanes.map((_, lane) => input.getBigUint64(at + lane * 8, true));
    lanes = lanes.map((sum, lane) => {
      const keyed = (data[lane] ?? 0n) ^ secret.getBigUint64(key + lane * 8, true);
      return (sum + (data[lane ^ 1] ?? 0n) + (keyed & 0xffffffffn) * (keyed >> 32n)) & MASK;
    });
  };
  const scramble = (): void => {
    lanes = lanes.map((sum, lane) => {
      const mixed = sum ^ (sum >> 47n) ^ secret.getBigUint64(XXH3_SECRET.length - STRIPE + lane * 8, true);
      return (mixed * PRIME32[0]) & MASK;
    });
  };

  const blocks = Math.floor((bytes.length - 1) / BLOCK);
  for (let block = 0; block < blocks; block++) {
    for (let stripe = 0; stripe < BLOCK / STRIPE; stripe++) takeStripe(block * BLOCK + stripe * STRIPE, stripe * 8);
    scramble();
  }
  const stripes = Math.floor((bytes.length - 1 - blocks * BLOCK) / STRIPE);
  for (let stripe = 0; stripe < stripes; stripe++) takeStripe(blocks * BLOCK + stripe * STRIPE, stripe * 8);
  takeStripe(bytes.length - STRIPE, XXH3_SECRET.length - STRIPE - 7);

  let hash = (BigInt(bytes.length) * PRIME64[0]) & MASK;
  for (let lane = 0; lane < 8; lane += 2) {
    const key = 11 + lane * 8;
    const merged = fold(
      (lanes[lane] ?? 0n) ^ secret.getBigUint64(key, true),
      (lanes[lane + 1] ?? 0n) ^ secret.getBigUint64(key + 8, true),
    );
    hash = (hash + merged) & MASK;
  }
  hash = ((hash ^ (hash >> 37n)) * 0x165667919e3779f9n) & MASK;
  return hash ^ (hash >> 32n);
}
