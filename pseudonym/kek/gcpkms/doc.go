// Package gcpkms wraps under a key of Google Cloud KMS, which never leaves it.
//
// Google destroys a version a day after the order at the earliest, so this
// provider renews nothing.
package gcpkms
