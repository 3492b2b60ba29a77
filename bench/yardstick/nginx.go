package yardstick

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNoNginx is returned where nginx is not installed.
var ErrNoNginx = errors.New("nginx is not installed")

// Nginx writes a configuration into dir and returns a command that serves it in
// the foreground at the address, which the system had free a moment ago.
// workers is a number or "auto".
func Nginx(dir, workers string) (cmd *exec.Cmd, address string, err error) {
	program, err := findNginx()
	if err != nil {
		return nil, "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("find a port for nginx: %w", err)
	}
	address = l.Addr().String()
	_ = l.Close()
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o755); err != nil { //nolint:gosec // its workers may be another user
		return nil, "", fmt.Errorf("make the folder of nginx: %w", err)
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, fmt.Appendf(nil, nginxConfig, workers, runAs(), address), 0o600); err != nil {
		return nil, "", fmt.Errorf("write the configuration of nginx: %w", err)
	}
	return exec.Command(program, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", path), address, nil
}

// findNginx looks where Debian puts it too, which is in nobody's path but root's.
func findNginx() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoNginx
}

// runAs keeps the workers in the user that owns the folder.
func runAs() string {
	if os.Geteuid() == 0 {
		return "user root;"
	}
	return ""
}

const nginxConfig = `daemon off;
worker_processes %s;
%s
pid nginx.pid;
events { worker_connections 8192; }
http {
  log_format pixel '$remote_addr $msec "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_cookie"';
  access_log access.log pixel buffer=256k flush=1s;
  client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/fastcgi; uwsgi_temp_path tmp/uwsgi; scgi_temp_path tmp/scgi;
  client_max_body_size 4m; client_body_buffer_size 2m; keepalive_requests 100000000; server_tokens off;
  server {
    listen %s backlog=4096;
    location / { return 204; }
  }
}
`
