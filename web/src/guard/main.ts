/** The guard's page. */
import { createApp, h } from 'vue';
import '../design';
import { startTheme } from '../design/theme';
import { t } from '../words';

startTheme();
createApp({ render: () => h('main', { style: 'padding:16px' }, t('ui.guard_to_come')) }).mount('#app');
