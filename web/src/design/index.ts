/** The parts that every page is built from. */
import './tokens.css';
import './base.css';
export { default as HoldButton } from './HoldButton.vue';
export { default as LampCell } from './LampCell.vue';
export { default as LimitRing } from './LimitRing.vue';
export { default as PanelBox } from './PanelBox.vue';
export { default as PlanViewer } from './PlanViewer.vue';
export { default as StateGlyph, type GlyphState } from './StateGlyph.vue';
export { default as TagMark } from './TagMark.vue';
