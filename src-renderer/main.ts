import { mount } from 'svelte';
import App from './App.svelte';
import { applyTheme } from './app/theme';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';

applyTheme('system');

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no #app');
mount(App, { target });
