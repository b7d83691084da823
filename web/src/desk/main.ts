/** The operator's page. */
import { createApp } from 'vue';
import '../design';
import { startTicker } from '../client/clock';
import { startSound } from '../client/sound';
import { startTheme } from '../design/theme';
import { language, setLanguage } from '../words';
import App from './App.vue';

setLanguage(language.value);
startTheme();
startTicker();
startSound();
createApp(App).mount('#app');
