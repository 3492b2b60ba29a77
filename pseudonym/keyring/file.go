package keyring

import "zgoda/pseudonym/private"

// ErrOpenToOthers is returned for a secret file or folder that other users of
// the machine can read or change.
var ErrOpenToOthers = private.ErrOpenToOthers

// MakePrivateDir makes a folder for its owner alone, or checks that an existing
// one is.
func MakePrivateDir(path string) error { return private.MakeDir(path) }
