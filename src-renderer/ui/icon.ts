import type { Component } from 'svelte';

/** An icon: lucide's, or one of ours in ui/icons. */
export type Icon = Component<{ size?: number | string }>;
