/** The guard's page. */
import { createApp } from 'vue';
import '../design';
import './guard.css';
import { startTheme } from '../design/theme';
import { language, setLanguage } from '../words';
import { isGuardPage } from '../client/api';
import { begin } from './duty';
import GuardPage from './GuardPage.vue';

startTheme();
setLanguage(language.value);
isGuardPage();
void begin();
createApp(GuardPage).mount('#app');
// Only the shell is kept for a phone without a network; no answer of the daemon is ever kept. Needs HTTPS or this machine.
if (import.meta.env.PROD && 'serviceWorker' in navigator) void navigator.serviceWorker.register('/sw.js', { scope: '/g' });
