import { StillframeError } from '@shared/contracts/failure';
import { homedir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { recipeFromCommandLine, splitWords } from './command-line';

function refusal(work: () => unknown): string {
  try {
    work();
    return 'not refused';
  } catch (error) {
    if (error instanceof StillframeError && error.failure.code === 'machine.bad-recipe') return error.failure.what;
    throw error;
  }
}

describe('The words of a pasted command line', () => {
  test.each([
    ['qemu -m 2G', ['qemu', '-m', '2G']],
    ['qemu \\\n  -m 2G \\\r\n\t-S', ['qemu', '-m', '2G', '-S']],
    ['qemu -drive file=a,\\\nif=virtio', ['qemu', '-drive', 'file=a,if=virtio']],
    [`qemu -drive 'file=a b.img,format=raw'`, ['qemu', '-drive', 'file=a b.img,format=raw']],
    [`qemu -append "root=/dev/vda console=ttyS0"`, ['qemu', '-append', 'root=/dev/vda console=ttyS0']],
    [`qemu 'it''s' a\\ b "q\\"x" '$HOME'`, ['qemu', 'its', 'a b', 'q"x', '$HOME']],
    [`qemu ''  "" end`, ['qemu', '', '', 'end']],
    ['qemu -S &', ['qemu', '-S']],
    ['  qemu -S  # my VM', ['qemu', '-S']],
    ['qemu -hda ~/vm.img -cdrom a~/b', ['qemu', '-hda', `${homedir()}/vm.img`, '-cdrom', 'a~/b']],
    [`qemu -device foo,bar=[x] -k *`, ['qemu', '-device', 'foo,bar=[x]', '-k', '*']],
    [`qemu -blockdev '{"driver":"raw","node-name":"d"}'`, ['qemu', '-blockdev', '{"driver":"raw","node-name":"d"}']],
    ["qemu -append 'a`b`'c \\`", ['qemu', '-append', 'a`b`c', '`']],
    [`qemu -name ünï,process=x`, ['qemu', '-name', 'ünï,process=x']],
    [`qemu -serial mon:stdio -device x,y={1,2}`, ['qemu', '-serial', 'mon:stdio', '-device', 'x,y={1,2}']],
  ])('%j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  test.each([
    ['qemu -m 1G | tee log', '“|”'],
    ['qemu > log', '“>”'],
    ['qemu && echo', '“&&”'],
    ['qemu; rm -rf x', '“;”'],
    ['qemu $(cat args)', '“$”'],
    ['qemu -hda $HOME/x', '“$HOME”'],
    ['qemu -hda "${DISK}"', '“$DISK”'],
    ['qemu `args`', 'backquote'],
    ['qemu -name "it\'s `me`"', 'backquote'],
    [`qemu -name 'open`, 'never closed'],
    [`qemu -name "open`, 'never closed'],
    ['qemu -name x\\', 'never closed'],
  ])('%j is refused', (text, why) => {
    expect(refusal(() => splitWords(text))).toContain(why);
  });

  test('are found in a text of 128 KiB without delay, and longer text is refused', () => {
    const begin = performance.now();
    expect(splitWords(`qemu ${"'a b' \\c ".repeat(14_000)}`)).toHaveLength(28_001);
    expect(refusal(() => splitWords(`qemu ${'a"'.repeat(60_001)}`))).toContain('never closed');
    expect(performance.now() - begin).toBeLessThan(1_000);
    expect(refusal(() => splitWords('x'.repeat(128 * 1024 + 1)))).toContain('longer than 128 KiB');
  });
});

describe('The recipe in a pasted command line', () => {
  test('takes variables in front as its environment', () => {
    expect(recipeFromCommandLine('vm', 'A=1 B="x y" qemu-system-x86_64 -m 64', '/srv')).toEqual({
      name: 'vm',
      program: 'qemu-system-x86_64',
      argv: ['-m', '64'],
      env: { A: '1', B: 'x y' },
      cwd: '/srv',
    });
  });

  test.each([
    ['', '/usr/bin/qemu-system-x86_64 -name guest=web,debug-threads=on', 'web'],
    ['', '/usr/bin/qemu-system-x86_64 -m 1', 'qemu-system-x86_64'],
    [' mine ', 'qemu -name web', 'mine'],
  ])('named %j by %j is called %s', (name, commandLine, called) => {
    expect(recipeFromCommandLine(name, commandLine, null).name).toBe(called);
  });

  test.each([
    ['', 'empty'],
    ['A=1', 'empty'],
    ['sudo qemu -m 1', 'starts with sudo'],
    ['qemu -daemonize', '-daemonize'],
    ['qemu --incoming defer', '--incoming'],
    ['qemu -machine help', 'print a list'],
    ['qemu -S -m', 'without a value'],
    ['qemu -version', 'version'],
  ])('%j is refused', (commandLine, why) => {
    expect(refusal(() => recipeFromCommandLine('vm', commandLine, '/'))).toContain(why);
  });

  test('is refused with a folder that is not absolute', () => {
    expect(refusal(() => recipeFromCommandLine('vm', 'qemu', 'here'))).toContain('not absolute');
  });
});
