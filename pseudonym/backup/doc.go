// Package backup writes keys and vault to one file for age recipients, and makes
// a keyholder's folder of such a file.
//
// Guarantee: the file opens with an age identity alone, and does not depend on the
// key-encryption key or the slot keys of the keyholder that made it. A file that
// is damaged or cut short is not restored, nor one that was not whole when it was
// made. Check opens a restored folder as a keyholder does, and compares the
// pseudonyms of every contact with those that the keyholder computed which made
// the backup.
package backup
