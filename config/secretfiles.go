package config

// SecretFiles are the files that the configuration names and that their owner alone
// may read, by path.
func (c Config) SecretFiles() (list []string) {
	add := func(dir, path string) {
		if path != "" {
			list = append(list, beside(dir, path))
		}
	}
	for i := range c.Sites {
		add(c.Sites[i].dir, c.Sites[i].Keys.SecretFile)
	}
	add(c.dir, c.ControlPasswordFile)
	add(c.dir, c.KEK.Credentials)
	add(c.dir, c.KEK.PINFile)
	add(c.Mail.dir, c.Mail.PasswordFile)
	for i := range c.Rights.Recipients {
		add(c.Rights.dir, c.Rights.Recipients[i].SecretFile)
	}
	if c.OpenDSR.Key != "" {
		_, key := c.OpenDSR.Files()
		list = append(list, key)
	}
	return append(list, c.CertificateFiles()...)
}

// CertificateFiles are the files with the certificates that the keyholder is called
// by, each with its private key.
func (c Config) CertificateFiles() (list []string) {
	for _, path := range []string{c.Keyholder.Certificate, c.Keyholder.RightsCertificate, c.Keyholder.AdminCertificate} {
		if path != "" && c.Keyholder.Address != "" {
			list = append(list, c.beside(path))
		}
	}
	return list
}
