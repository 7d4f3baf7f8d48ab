/** The engine's ports to time, chance and other people's servers. */
export * from './clock.js';
export * from './http-caller.js';
export * from './logger.js';
export * from './random.js';
export * from './system-clock.js';
export * from './virtual-clock.js';
