/** The engine's ports to time and chance. */
export * from './clock.js';
export * from './logger.js';
export * from './random.js';
export * from './system-clock.js';
export * from './virtual-clock.js';
