import { expect, test } from 'vitest';
import { labsFolder, StateFolder } from './state-folder.ts';

test('a lab lies in the state home, or in the home folder where there is none', () => {
  expect(labsFolder({ XDG_STATE_HOME: '/s', HOME: '/h' })).toBe('/s/meshlift/lab');
  expect(labsFolder({ HOME: '/h' })).toBe('/h/.local/state/meshlift/lab');
});

test('a path that is too long for a socket is told with the number of characters to save', () => {
  expect(new StateFolder('/short').problem()).toBeNull();
  expect(new StateFolder(`/${'x'.repeat(95)}`).problem()).toContain('is 2 characters too long');
});

test('a lab is not started where the sockets inside it would be too long', () => {
  // 107 characters are allowed, of which the deepest socket's own part takes 50.
  expect(new StateFolder(`/${'x'.repeat(56)}`).problemOfNew()).toBeNull();
  expect(new StateFolder(`/${'x'.repeat(58)}`).problemOfNew()).toContain('is 2 characters too long');
  expect(new StateFolder(`/${'x'.repeat(58)}`).problem()).toBeNull();
});
