import { fileURLToPath } from 'node:url';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Two pages from one folder: the desk and the guard's page. `npm run dev` sends /api to a daemon on this machine. */
export default defineConfig({
  plugins: [vue()],
  // The catalogue of words lies in src/text beside the daemon, one folder above.
  server: { fs: { allow: [file('..')] }, proxy: { '/api': { target: 'http://127.0.0.1:8080' } } },
  build: {
    target: 'es2022',
    rollupOptions: { input: { index: file('index.html'), guard: file('guard.html') } },
  },
  test: { include: ['src/**/*.test.ts'] },
});
