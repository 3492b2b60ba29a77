// Package cli is the command line of zgoda.
//
// It guarantees: exit code 0 when the thing was done, 1 when it was not, 2 when
// the command line was wrong; answers on standard output and words for people
// on standard error; no identifier or token in an argument needs to be, since
// "-" reads it from standard input, and none is ever repeated in a message.
//
// It opens no store and starts no process: up, serve and check are functions
// that the main package hands in, and every other command talks to the console
// of the running system, found through DATA/run/console.json.
package cli
