/** Which verbs of the all-clear's step stand on the command board and not in the list of steps. A matter of room, not of procedure. */
export const COMMAND_VERBS = new Set(['accept_command', 'offer_command', 'take_command', 'brigade_command', 'handed_back']);
export const SCENE_VERBS = new Set(['fire_out', 'head_count', 'casualties', 'name_watch']);
