package main

import "syscall"

// attributes end a child with this process, also when this one is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
