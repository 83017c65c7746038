/**
 * Node's HTTP, without what importing it brings along: a module's namespace reads every export at once, and one of them
 * (`WebSocket`) loads all of `fetch`, which is a sixth of what a command computes before it asks its first question.
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
