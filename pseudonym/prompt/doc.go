// Package prompt lets a process that others wait for have its turn soon, while the
// processors are short.
package prompt
