// Package awskms wraps under a key of AWS KMS, which never leaves it.
//
// AWS destroys a key seven days after the order at the earliest, and no version
// alone, so this provider renews nothing.
package awskms
