/**
 * What a button that is held needs: the two hold buttons differ in look alone. A hold begins by pointer, Enter or Space, acts once
 * when it is complete, and ends without a deed when it is let go early, loses the focus or leaves the screen.
 */
import { onBeforeUnmount, ref, type Ref } from 'vue';
import { Hold } from './hold';

export interface HoldSetting { ms: () => number; disabled: () => boolean; act: () => void }
export interface HoldView {
  holding: Ref<boolean>;
  /** `1.2 s` while it is held. */
  shown: Ref<string>;
  /** Listeners of the button: `v-on="on"`. */
  on: Record<string, (event: Event) => void>;
}

const SHOW_MS = 100;
const isKey = (event: Event): event is KeyboardEvent => event instanceof KeyboardEvent;
const isHoldKey = (event: Event) => isKey(event) && (event.key === 'Enter' || event.key === ' ');

export function useHold({ ms, disabled, act }: HoldSetting): HoldView {
  const holding = ref(false);
  const shown = ref('');
  let counter: ReturnType<typeof setInterval> | undefined;
  const hold = new Hold(act, (is) => {
    holding.value = is;
    clearInterval(counter);
    shown.value = '';
    if (is) counter = setInterval(() => (shown.value = `${hold.held.toFixed(1)} s`), SHOW_MS);
  });

  function press(event: Event): void {
    // A key that is kept down is one press: it must not act again on whatever comes under it next.
    if (isKey(event) && event.repeat) event.preventDefault();
    if (disabled() || ms() === 0) return;
    if (event instanceof PointerEvent && event.button !== 0) return;
    if (isKey(event)) {
      event.preventDefault();
      if (event.repeat) return;
    }
    hold.press(ms());
  }
  const release = () => hold.release();
  onBeforeUnmount(release);
  return {
    holding,
    shown,
    on: {
      pointerdown: press,
      pointerup: release,
      pointerleave: release,
      pointercancel: release,
      blur: release,
      contextmenu: (event) => event.preventDefault(),
      keydown: (event) => isHoldKey(event) && press(event),
      keyup: (event) => isHoldKey(event) && release(),
    },
  };
}
