package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/internal/api"
	"igledger/internal/build"
)

// stopSpare is what the manager of a service waits beyond all that igledger serve allows itself.
const stopSpare = 10 * time.Second

var (
	//go:embed deploy/igledger.service
	unitText string
	//go:embed deploy/Containerfile
	containerText string
)

// buildLine is how the programs are built for a container: as make does, and without the C library.
const buildLine = "CGO_ENABLED=0 go build -trimpath -ldflags='-s -w'"

// deployFlags are the flags of unit and container that end up in the command line of serve.
func deployFlags(keys, data, listen string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "keys", Value: keys, Usage: "folder of the operator's keys"},
		&cli.StringFlag{Name: "data", Value: data, Usage: "folder of what the server writes: an SQLite database, the signing record"},
		&cli.StringFlag{Name: "database",
			Usage: "postgres://… or cockroachdb://… without a password (default: an SQLite file in the folder of data)"},
		&cli.StringFlag{Name: "signing-record", Usage: "as of igledger serve (default: a file in the folder of data)"},
		&cli.StringFlag{Name: "listen", Value: listen, Usage: "address to listen on"},
		&cli.StringFlag{Name: "metrics-listen", Usage: "address on which /metrics is served (default: that of igledger serve)"},
		&cli.StringFlag{Name: "public-url", Usage: "URL at which callers reach the server, such as https://ledger.example.scot"},
		&cli.StringSliceFlag{Name: "trusted-proxy", Usage: "address or network of a proxy in front; repeat for more"},
		&cli.StringFlag{Name: "policy", Usage: "`FILE` with the operator's trust policy, on the machine or in the container"},
		&cli.StringFlag{Name: "pages", Usage: "`FILE` with the settings of the pages, on the machine or in the container"},
		drainFlag(),
		&cli.BoolFlag{Name: "json", Usage: "print as JSON, with the command line of the server"},
	}
}

// serveLine returns the arguments with which a deployed server is started. keys is the folder in
// which it finds its keys.
func serveLine(c *cli.Context, keys string) ([]string, error) {
	data := c.String("data")
	if !path.IsAbs(data) || path.Clean(data) != data {
		return nil, usage("--data must be an absolute path, such as /var/lib/igledger")
	}
	for _, name := range []string{"listen", "metrics-listen"} {
		if err := checkListen(c, name); err != nil {
			return nil, err
		}
	}
	database := c.String("database")
	if database == "" {
		database = "sqlite:" + path.Join(data, "log.db")
	}
	scheme, _, _ := strings.Cut(database, ":")
	if u, err := url.Parse(database); scheme != "sqlite" && (err != nil || u.User != nil && hasPassword(u) || u.Query().Has("password")) {
		return nil, usage("--database must be a URL without a password, since everybody may read the file: write the password as " +
			"PGPASSWORD into the server's environment")
	}
	signed := c.String("signing-record")
	if signed == "" {
		signed = "file:" + path.Join(data, "signing-record")
	}
	if sameDatabase(signed, database) {
		return nil, usage("--signing-record must not be in the log's own database, with which it would be restored")
	}
	if err := api.CheckPublicURL(c.String("public-url")); err != nil && c.IsSet("public-url") {
		return nil, usage("--public-url %s, such as https://ledger.example.scot", err)
	}
	line := []string{"serve", "--keys", keys, "--database", database, "--pages-keys", data, "--signing-record", signed, "--listen",
		c.String("listen")}
	for _, name := range []string{"metrics-listen", "public-url", "policy", "pages"} {
		if v := c.String(name); v != "" {
			line = append(line, "--"+name, v)
		}
	}
	for _, v := range c.StringSlice("trusted-proxy") {
		line = append(line, "--trusted-proxy", v)
	}
	long, err := drainOf(c)
	if err != nil {
		return nil, err
	}
	if long != drainTime {
		line = append(line, "--drain", long.String())
	}
	for _, v := range line {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, usage("%q has a line end or another control character", v)
		}
	}
	return line, nil
}

func hasPassword(u *url.URL) bool { _, ok := u.User.Password(); return ok }

func unitCommand() *cli.Command {
	return &cli.Command{
		Name:  "unit",
		Usage: "print a systemd unit for igledger serve, with the least rights",
		Description: "The service has a user of its own and reads the keys as credentials, so that the folder of keys stays\n" +
			"root's. Names of key files are those that are in the folder, or what keygen makes.\n\n" +
			"Example: igledger unit --public-url https://ledger.example.scot --trusted-proxy 127.0.0.1 > " +
			"/etc/systemd/system/igledger.service",
		Flags: append(deployFlags("/etc/igledger/keys", "/var/lib/igledger", "127.0.0.1:8080"),
			&cli.StringFlag{Name: "binary", Value: "/usr/local/bin/igledger", Usage: "path of the program"}),
		Action: func(c *cli.Context) error {
			state, ok := strings.CutPrefix(c.String("data"), "/var/lib/")
			if !ok || state == "" {
				return usage("--data must be below /var/lib, where systemd makes folders for services")
			}
			line, err := serveLine(c, "%d")
			if err != nil {
				return err
			}
			for _, name := range []string{"keys", "binary"} {
				if !path.IsAbs(c.String(name)) {
					return usage("--%s must be an absolute path", name)
				}
			}
			words := []string{unitWord(c.String("binary"))}
			for _, v := range line {
				if v == "%d" { // the folder of credentials, which systemd fills in
					words = append(words, v)
					continue
				}
				words = append(words, unitWord(v))
			}
			for _, name := range []string{"policy", "pages"} {
				if file := c.String(name); file != "" && !othersRead(file) {
					fmt.Fprintf(c.App.ErrWriter, "igledger: --%s: the service has a user of its own, who cannot read %s: "+
						"chmod o+r the file, and o+x its folders\n", name, file)
				}
			}
			var credentials []string
			for _, name := range credentialsIn(c.String("keys")) {
				credentials = append(credentials, unitWord(name+":"+path.Join(c.String("keys"), name)))
			}
			return printDeploy(c, unitText, map[string]any{
				"Start": strings.Join(words, " "), "Data": c.String("data"), "State": state, "Credentials": credentials,
				"Server": strings.HasPrefix(c.String("database"), "postgres"),
			}, append([]string{c.String("binary")}, line...))
		},
	}
}

// credentialsIn returns the names of the key files in a folder or, if it cannot be read or has
// none, those that keygen makes.
func credentialsIn(dir string) []string {
	var names []string
	list, _ := os.ReadDir(dir)
	for _, f := range list {
		if ext := filepath.Ext(f.Name()); (ext == ".key" || ext == ".jwk") && f.Name() != "web.key" {
			names = append(names, f.Name())
		}
	}
	if len(names) == 0 {
		names = []string{"epoch-1.key", "log.key", "operator.jwk", "vrf.key"}
	}
	return names
}

// othersRead reports whether a file can be read by everybody, as far as this process can see: a
// file that is yet to be made is not the fault of the unit.
func othersRead(file string) bool {
	for at, need := file, os.FileMode(0o004); ; at, need = filepath.Dir(at), 0o001 {
		if info, err := os.Stat(at); err == nil && info.Mode()&need == 0 {
			return false
		}
		if at == filepath.Dir(at) {
			return true
		}
	}
}

// unitWord returns a word of a command line as systemd reads it.
func unitWord(s string) string {
	s = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(s)
	if strings.ContainsAny(s, " '\";\\") {
		return `"` + s + `"`
	}
	return s
}

func containerCommand() *cli.Command {
	return &cli.Command{
		Name:  "container",
		Usage: "print a file by which podman or docker build an image of igledger",
		Description: "The image has the two static programs and nothing else, and runs as user 65532. Keys come in as a volume.\n" +
			"Metrics are for the operator: do not publish their port.\n\n" +
			"Example: igledger container --public-url https://ledger.example.scot > Containerfile",
		Flags: deployFlags("/keys", "/data", "0.0.0.0:8080"),
		Action: func(c *cli.Context) error {
			line, err := serveLine(c, c.String("keys"))
			if err != nil {
				return err
			}
			_, port, _ := net.SplitHostPort(c.String("listen")) // serveLine has read it
			health := []string{"/usr/local/bin/igledger", "health", "--live", "--url", "http://127.0.0.1:" + port}
			version := strings.Split(strings.TrimPrefix(build.Read().Go, "go"), ".")
			return printDeploy(c, containerText, map[string]any{
				"Start": asJSON(line), "Health": asJSON(health), "Data": c.String("data"), "DataJSON": asJSON([]string{c.String("data")}),
				"Port": port, "Build": buildLine, "Go": strings.Join(version[:min(2, len(version))], "."),
			}, append([]string{"/usr/local/bin/igledger"}, line...))
		},
	}
}

func asJSON(list []string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(list) // strings
	return strings.TrimSpace(b.String())
}

// printDeploy prints a file made from a template.
func printDeploy(c *cli.Context, text string, values map[string]any, line []string) error {
	long := c.Duration("drain")
	values["Drain"], values["End"] = long, stopTime
	values["StopAfter"] = int64(math.Ceil((long + stopTime + stopSpare).Seconds()))
	values["How"] = "Printed by igledger " + c.Command.Name + ", version " + build.Read().Version + "."
	var b bytes.Buffer
	if err := template.Must(template.New(c.Command.Name).Parse(text)).Execute(&b, values); err != nil {
		return err
	}
	return output(c, map[string]any{"file": b.String(), "command": line}, "%s", b.String())
}
