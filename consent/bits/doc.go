// Package bits reads fields of any width out of text in base64url without
// padding, as the consent strings of the IAB are written: each sign is six bits,
// the first sign the highest. The text is never decoded into octets and nothing
// is allocated.
package bits
