// Package prompt asks for a passphrase at the terminal, or reads it from a file
// descriptor that the parent opened.
//
// Guarantee: the terminal shows nothing of it, also after an interrupt, and it
// is neither in the environment nor in the arguments, which others can read.
package prompt
