// Package config reads the configuration: the file, the variables and the flags,
// in one strict form, and makes sites of it.
//
// What Validate accepts keeps the rules of the law that a configuration can
// break: a purpose has a basis that its kind may have, browser signals reach
// what they must, and device access has its consent or its exemption. Errors
// name the key and never the content of a secret, which is read from files of
// mode 0600 only.
package config
