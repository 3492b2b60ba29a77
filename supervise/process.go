package supervise

import (
	"os/exec"
	"syscall"
)

// terminate asks the child to end.
func terminate(cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGTERM) }

// killGroup ends what is left of the child's group. The group keeps its id
// while any member lives, so this never reaches a stranger but in the instant
// between the last member's end and this call.
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
