// Package disk gives a process of a test a disk that fails when the test says
// so: full, read-only, slow or hanging.
//
// There are two ways. Calls stands between the process and the kernel: the
// system calls that make data durable are answered by the test (seccomp's user
// notification), which needs no right and works in containers. Loop is a small
// ext4 of its own mounted over one folder, for users who may mount. The
// programs under test are not changed for either.
package disk
