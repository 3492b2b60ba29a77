package supervise

import "syscall"

// attributes give the child a group of its own, and the kernel's word to kill
// it when the thread that started it ends.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
