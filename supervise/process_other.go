//go:build !linux

package supervise

import "syscall"

// attributes give the child a group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
