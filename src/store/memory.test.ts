import { openMemoryStore } from './memory.ts';
import { describeStore } from './store.suite.ts';

describeStore({ name: 'memory', open: async () => openMemoryStore() });
