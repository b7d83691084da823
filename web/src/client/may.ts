/** What a role is shown (domain/role.rs has the table; the daemon decides). Who may only look is offered nothing to press. */
import { computed } from 'vue';
import { me } from './api';
import type { Me } from '../documents';

const OPERATE: Me['role'][] = ['operator', 'foreman', 'supervisor', 'director', 'engineer'];
const SUPERVISE: Me['role'][] = ['foreman', 'supervisor', 'director', 'engineer'];

export const mayOperate = computed(() => me.value !== null && OPERATE.includes(me.value.role));
/** Says that there is a fire: also the service desk that takes calls. */
export const mayReport = computed(() => mayOperate.value || me.value?.role === 'clerk');
export const maySupervise = computed(() => me.value !== null && SUPERVISE.includes(me.value.role));
