import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

/** Files of the main process; its tests may block. */
const MAIN = { files: ['src-main/**/*.ts'], ignores: ['**/*.test.ts'] };

export default defineConfig(
  { ignores: ['node_modules/', 'out/', 'dist/', 'docs/', 'resources/'] },
  // No comment switches a rule off: where a rule is wrong for a place, it is changed here, in the open.
  { linterOptions: { noInlineConfig: true } },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  svelte.configs.recommended,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.svelte'] },
    },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': ['error', { allow: ['warn', 'error'] }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `onclick={() => go()}` and `finally(() => stop())` read well as they are.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Objects that implement a contract have async methods that need not wait for anything.
      '@typescript-eslint/require-await': 'off',
      // They are plain objects of closures, made to be taken apart.
      '@typescript-eslint/unbound-method': 'off',
      // What comes from files, QEMU and ports is checked whatever its declared type promises.
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { globals: globals.browser, parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      // It takes the reason that stands behind the code of a svelte-ignore for more codes.
      'svelte/no-unused-svelte-ignore': 'off',
      // Collections here are replaced, never changed in place.
      'svelte/prefer-svelte-reactivity': 'off',
    },
  },
  {
    // ESLint sees no types across components; svelte-check does.
    files: ['**/*.svelte'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
  {
    ...MAIN,
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            ':matches(MemberExpression > Identifier.property, ImportSpecifier > Identifier.imported)[name=/^(?!dataSync$).*Sync$/]',
          message: 'The main process never blocks: use the asynchronous form.',
        },
      ],
    },
  },
  // What these print is meant for the terminal.
  {
    files: [
      'src-main/index.ts',
      'src-main/shell/start.ts',
      'src-main/cli/**/*.ts',
      'build/**/*.{mjs,js}',
      'test/**/*.ts',
    ],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['build/**/*.{mjs,js}', '*.config.js'],
    languageOptions: { globals: globals.node },
    rules: {
      // JSON.parse and createRequire give `any`; the types of these scripts are in JSDoc, checked by tsc.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
  {
    // One runs inside Electron and uses what its types do not tell; the others share nothing with the project, types included.
    files: ['build/setup/default-app/main.js', 'test/**/*.mjs'],
    extends: [ts.configs.disableTypeChecked],
    languageOptions: { globals: globals.node, parserOptions: { projectService: false } },
  },
);
