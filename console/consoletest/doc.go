// Package consoletest runs a real console on a free port of loopback over small
// stores in memory, for the tests of the console and of the commands.
package consoletest
