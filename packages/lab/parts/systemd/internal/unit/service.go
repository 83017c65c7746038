package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Stream is where a service's output goes.
type Stream struct {
	Kind string // journal, null, inherit, file, append, truncate
	Path string
}

// Directory is one of the folders that a service asks for (RuntimeDirectory= and its kin).
type Directory struct {
	Base, Variable string
	Names          []string
	Mode           fs.FileMode
}

// EnvironmentFile is a file of assignments.
type EnvironmentFile struct {
	Path     string
	Optional bool
}

// Service is a service unit, read and checked.
type Service struct {
	Type            string
	RemainAfterExit bool
	GuessMainPID    bool
	PIDFile         string
	NotifyAccess    string

	Condition, StartPre, Start, StartPost, Reload, Stop, StopPost []Command

	Restart                                        string
	RestartSec, TimeoutStart, TimeoutStop          time.Duration
	SuccessStatus, RestartPrevents, RestartForces  ExitSet
	StartLimitInterval                             time.Duration
	StartLimitBurst                                int
	KillMode                                       string
	KillSignal, RestartKillSignal, FinalKillSignal syscall.Signal
	SendSIGHUP, SendSIGKILL                        bool
	User, Group                                    string
	SupplementaryGroups                            []string
	WorkingDirectory                               string
	WorkingDirectoryOptional                       bool
	UMask                                          int
	Nice                                           int
	OOMScoreAdjust                                 *int
	NoNewPrivileges                                bool
	AmbientCapabilities                            []uintptr
	Limits                                         map[int]unix.Rlimit
	Environment                                    []string
	EnvironmentFiles                               []EnvironmentFile
	PassEnvironment, UnsetEnvironment              []string
	Input, Output, ErrorOutput                     Stream
	SyslogIdentifier                               string
	Directories                                    map[string]*Directory
	KeepRuntimeDirectory                           bool
}

var limitNames = map[string]int{
	"LimitCPU": unix.RLIMIT_CPU, "LimitFSIZE": unix.RLIMIT_FSIZE, "LimitDATA": unix.RLIMIT_DATA,
	"LimitSTACK": unix.RLIMIT_STACK, "LimitCORE": unix.RLIMIT_CORE, "LimitRSS": unix.RLIMIT_RSS,
	"LimitNOFILE": unix.RLIMIT_NOFILE, "LimitAS": unix.RLIMIT_AS, "LimitNPROC": unix.RLIMIT_NPROC,
	"LimitMEMLOCK": unix.RLIMIT_MEMLOCK, "LimitLOCKS": unix.RLIMIT_LOCKS, "LimitSIGPENDING": unix.RLIMIT_SIGPENDING,
	"LimitMSGQUEUE": unix.RLIMIT_MSGQUEUE, "LimitNICE": unix.RLIMIT_NICE, "LimitRTPRIO": unix.RLIMIT_RTPRIO,
	"LimitRTTIME": unix.RLIMIT_RTTIME,
}

var ambientCapabilities = map[string]uintptr{
	"CAP_CHOWN": unix.CAP_CHOWN, "CAP_DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "CAP_FOWNER": unix.CAP_FOWNER,
	"CAP_KILL": unix.CAP_KILL, "CAP_SETGID": unix.CAP_SETGID, "CAP_SETUID": unix.CAP_SETUID,
	"CAP_NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE, "CAP_NET_ADMIN": unix.CAP_NET_ADMIN,
	"CAP_NET_RAW": unix.CAP_NET_RAW, "CAP_SYS_PTRACE": unix.CAP_SYS_PTRACE, "CAP_SYS_NICE": unix.CAP_SYS_NICE,
	"CAP_SYS_RESOURCE": unix.CAP_SYS_RESOURCE,
}

// The sections' settings that mean something to Dependencies, Install and the conditions rather than to Service.
var readElsewhere = map[string][]string{
	"Unit": {
		"Description", "Documentation", "Wants", "Requires", "BindsTo", "Requisite", "PartOf", "Upholds", "Conflicts",
		"After", "Before", "DefaultDependencies", "StartLimitIntervalSec", "StartLimitInterval", "StartLimitBurst",
		"IgnoreOnIsolate", "RefuseManualStart", "RefuseManualStop", "AllowIsolate", "StopWhenUnneeded", "SourcePath",
	},
	"Install": {"WantedBy", "RequiredBy", "Alias", "Also", "DefaultInstance", "UpheldBy"},
}

func newService() *Service {
	directory := func(base, variable string) *Directory {
		return &Directory{Base: base, Variable: variable, Mode: 0o755}
	}
	return &Service{
		Type: "", GuessMainPID: true, Restart: "no",
		RestartSec: 100 * time.Millisecond, TimeoutStart: 90 * time.Second, TimeoutStop: 90 * time.Second,
		StartLimitInterval: 10 * time.Second, StartLimitBurst: 5,
		KillMode: "control-group", KillSignal: syscall.SIGTERM, FinalKillSignal: syscall.SIGKILL, SendSIGKILL: true,
		UMask: 0o022, Limits: map[int]unix.Rlimit{},
		Input: Stream{Kind: "null"}, Output: Stream{Kind: "journal"}, ErrorOutput: Stream{Kind: "inherit"},
		Directories: map[string]*Directory{
			"Runtime":       directory("/run", "RUNTIME_DIRECTORY"),
			"State":         directory("/var/lib", "STATE_DIRECTORY"),
			"Cache":         directory("/var/cache", "CACHE_DIRECTORY"),
			"Logs":          directory("/var/log", "LOGS_DIRECTORY"),
			"Configuration": directory("/etc", "CONFIGURATION_DIRECTORY"),
		},
	}
}

// Service reads the [Service] section. What it doesn't know is passed over and reported; a setting that is wrong in
// a way that makes the service unsafe to start (a command line, the type) is an error.
func (u *Unit) Service() (*Service, []Problem, error) {
	s := newService()
	problems := slices.Clone(u.Problems)
	timeoutStartSet := false
	var unknown []Entry

	// User= decides what %h and %u mean in the settings before it, too.
	s.User = u.Last("Service", "User")
	home := ""
	if s.User != "" {
		if account, err := user.Lookup(s.User); err == nil {
			home = account.HomeDir
		} else if account, err := user.LookupId(s.User); err == nil {
			home = account.HomeDir
		}
	}

	var fatal error
	for _, entry := range u.entries {
		if known, ok := readElsewhere[entry.Section]; ok && slices.Contains(known, entry.Key) {
			if entry.Section == "Unit" && strings.HasPrefix(entry.Key, "StartLimit") {
				if err := s.set(u, entry.Key, entry.Value, home); err != nil {
					problems = append(problems, Problem{entry.File, entry.Line, entry.Key + "=: " + err.Error()})
				}
			}
			continue
		}
		if strings.HasPrefix(entry.Section, "X-") || strings.HasPrefix(entry.Key, "X-") {
			continue
		}
		if entry.Section == "Unit" && (strings.HasPrefix(entry.Key, "Condition") || strings.HasPrefix(entry.Key, "Assert")) {
			continue
		}
		if entry.Section != "Service" {
			problems = append(problems, Problem{entry.File, entry.Line,
				fmt.Sprintf("Unknown key name '%s' in section '%s', ignoring.", entry.Key, entry.Section)})
			continue
		}
		err := s.set(u, entry.Key, entry.Value, home)
		switch {
		case err == nil:
			if entry.Key == "TimeoutStartSec" || entry.Key == "TimeoutSec" {
				timeoutStartSet = true
			}
		case errors.Is(err, errUnknown):
			unknown = append(unknown, entry)
		case s.commandList(entry.Key) != nil || entry.Key == "Type":
			fatal = fmt.Errorf("%s:%d: %s=: %w", entry.File, entry.Line, entry.Key, err)
		default:
			problems = append(problems, Problem{entry.File, entry.Line, fmt.Sprintf("%s=: %v, ignoring.", entry.Key, err)})
		}
	}
	if len(unknown) > 0 {
		// One line for all: a unit that is sandboxed has dozens of them.
		var keys []string
		for _, entry := range unknown {
			if !slices.Contains(keys, entry.Key+"=") {
				keys = append(keys, entry.Key+"=")
			}
		}
		problems = append(problems, Problem{unknown[0].File, unknown[0].Line, "Not applied by this service manager: " + strings.Join(keys, ", ")})
	}
	if fatal != nil {
		return s, problems, fatal
	}
	if s.Type == "" {
		s.Type = "simple"
		if len(s.Start) == 0 {
			s.Type = "oneshot"
		}
	}
	if s.Type == "oneshot" && !timeoutStartSet {
		s.TimeoutStart = Infinity
	}
	switch {
	case len(s.Start) == 0 && len(s.Stop) == 0:
		return s, problems, fmt.Errorf("Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.")
	case len(s.Start) == 0 && s.Type != "oneshot":
		return s, problems, fmt.Errorf("Service has no ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.")
	case len(s.Start) > 1 && s.Type != "oneshot":
		return s, problems, fmt.Errorf("Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.")
	case s.Type == "oneshot" && (s.Restart == "always" || s.Restart == "on-success"):
		return s, problems, fmt.Errorf("Service has Restart= set to either always or on-success, which isn't allowed for Type=oneshot services. Refusing.")
	}
	return s, problems, nil
}

var errUnknown = fmt.Errorf("not known to this service manager")

func (s *Service) set(u *Unit, key, raw, home string) error {
	if commands := s.commandList(key); commands != nil {
		if raw == "" {
			*commands = nil
			return nil
		}
		parsed, err := u.parseCommands(raw, s.User, home)
		if err != nil {
			return err
		}
		*commands = append(*commands, parsed...)
		return nil
	}
	value, err := u.Expand(raw, s.User, home)
	if err != nil {
		return err
	}
	if resource, ok := limitNames[key]; ok {
		limit, err := ParseLimit(value)
		if err != nil {
			return err
		}
		s.Limits[resource] = limit
		return nil
	}
	for kind, directory := range s.Directories {
		switch key {
		case kind + "Directory":
			if value == "" {
				directory.Names = nil
			}
			words, err := SplitWords(value)
			if err != nil {
				return err
			}
			for _, word := range words {
				if filepath.IsAbs(word) || strings.Contains("/"+word+"/", "/../") {
					return fmt.Errorf("%q is no path below %s", word, directory.Base)
				}
				directory.Names = append(directory.Names, word)
			}
			return nil
		case kind + "DirectoryMode":
			mode, err := strconv.ParseUint(value, 8, 12)
			if err != nil {
				return fmt.Errorf("%q is no file mode", value)
			}
			directory.Mode = fs.FileMode(mode)
			return nil
		}
	}
	switch key {
	case "Type":
		return oneOf(&s.Type, value, "simple", "exec", "oneshot", "notify", "forking", "idle", "notify-reload", "dbus")
	case "Restart":
		return oneOf(&s.Restart, value, "no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog")
	case "KillMode":
		return oneOf(&s.KillMode, value, "control-group", "mixed", "process", "none")
	case "NotifyAccess":
		return oneOf(&s.NotifyAccess, value, "none", "main", "exec", "all")
	case "RemainAfterExit":
		return setBool(&s.RemainAfterExit, value)
	case "GuessMainPID":
		return setBool(&s.GuessMainPID, value)
	case "SendSIGHUP":
		return setBool(&s.SendSIGHUP, value)
	case "SendSIGKILL":
		return setBool(&s.SendSIGKILL, value)
	case "NoNewPrivileges":
		return setBool(&s.NoNewPrivileges, value)
	case "RuntimeDirectoryPreserve":
		// `restart` keeps it over a restart only; as the folder is made again at once, keeping it does no harm there.
		s.KeepRuntimeDirectory = value == "yes" || value == "restart"
		return nil
	case "PIDFile":
		s.PIDFile = value
		if value != "" && !filepath.IsAbs(value) {
			s.PIDFile = filepath.Join("/run", value)
		}
		return nil
	case "RestartSec":
		return setDuration(&s.RestartSec, value)
	case "TimeoutStartSec":
		return setTimeout(&s.TimeoutStart, value)
	case "TimeoutStopSec":
		return setTimeout(&s.TimeoutStop, value)
	case "TimeoutSec":
		if err := setTimeout(&s.TimeoutStart, value); err != nil {
			return err
		}
		s.TimeoutStop = s.TimeoutStart
		return nil
	case "StartLimitInterval", "StartLimitIntervalSec":
		return setDuration(&s.StartLimitInterval, value)
	case "StartLimitBurst":
		n, err := strconv.Atoi(value)
		s.StartLimitBurst = n
		return err
	case "SuccessExitStatus":
		return addStatuses(&s.SuccessStatus, value)
	case "RestartPreventExitStatus":
		return addStatuses(&s.RestartPrevents, value)
	case "RestartForceExitStatus":
		return addStatuses(&s.RestartForces, value)
	case "KillSignal":
		return setSignal(&s.KillSignal, value)
	case "RestartKillSignal":
		return setSignal(&s.RestartKillSignal, value)
	case "FinalKillSignal":
		return setSignal(&s.FinalKillSignal, value)
	case "User":
		return nil // read beforehand
	case "Group":
		s.Group = value
		return nil
	case "SupplementaryGroups":
		return appendWords(&s.SupplementaryGroups, value)
	case "WorkingDirectory":
		s.WorkingDirectory, s.WorkingDirectoryOptional = strings.CutPrefix(value, "-")
		if s.WorkingDirectory == "~" {
			s.WorkingDirectory = cmpOr(home, "/root")
		}
		if s.WorkingDirectory != "" && !filepath.IsAbs(s.WorkingDirectory) {
			s.WorkingDirectory = ""
			return fmt.Errorf("%q is no absolute path", value)
		}
		return nil
	case "UMask":
		mask, err := strconv.ParseUint(value, 8, 9)
		if err != nil {
			return fmt.Errorf("%q is no umask", value)
		}
		s.UMask = int(mask)
		return nil
	case "Nice":
		n, err := strconv.Atoi(value)
		s.Nice = n
		return err
	case "OOMScoreAdjust":
		n, err := strconv.Atoi(value)
		s.OOMScoreAdjust = &n
		return err
	case "AmbientCapabilities":
		return s.addAmbient(value)
	case "Environment":
		return appendWords(&s.Environment, value)
	case "PassEnvironment":
		return appendWords(&s.PassEnvironment, value)
	case "UnsetEnvironment":
		return appendWords(&s.UnsetEnvironment, value)
	case "EnvironmentFile":
		if value == "" {
			s.EnvironmentFiles = nil
			return nil
		}
		path, optional := strings.CutPrefix(value, "-")
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%q is no absolute path", path)
		}
		s.EnvironmentFiles = append(s.EnvironmentFiles, EnvironmentFile{path, optional})
		return nil
	case "StandardInput":
		return setStream(&s.Input, value)
	case "StandardOutput":
		return setStream(&s.Output, value)
	case "StandardError":
		return setStream(&s.ErrorOutput, value)
	case "SyslogIdentifier":
		s.SyslogIdentifier = value
		return nil
	}
	return errUnknown
}

func (s *Service) commandList(key string) *[]Command {
	switch key {
	case "ExecCondition":
		return &s.Condition
	case "ExecStartPre":
		return &s.StartPre
	case "ExecStart":
		return &s.Start
	case "ExecStartPost":
		return &s.StartPost
	case "ExecReload":
		return &s.Reload
	case "ExecStop":
		return &s.Stop
	case "ExecStopPost":
		return &s.StopPost
	}
	return nil
}

func (s *Service) addAmbient(value string) error {
	if value == "" {
		s.AmbientCapabilities = nil
		return nil
	}
	for _, word := range strings.Fields(value) {
		number, ok := ambientCapabilities[strings.ToUpper(word)]
		if !ok {
			return fmt.Errorf("capability %q can't be given here", word)
		}
		s.AmbientCapabilities = append(s.AmbientCapabilities, number)
	}
	return nil
}

func oneOf(target *string, value string, choices ...string) error {
	if !slices.Contains(choices, value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(choices, ", "))
	}
	*target = value
	return nil
}

func setBool(target *bool, value string) error {
	parsed, err := ParseBool(value)
	if err == nil {
		*target = parsed
	}
	return err
}

func setDuration(target *time.Duration, value string) error {
	parsed, err := ParseDuration(value)
	if err == nil {
		*target = parsed
	}
	return err
}

// setTimeout is setDuration, but 0 means no timeout.
func setTimeout(target *time.Duration, value string) error {
	if err := setDuration(target, value); err != nil {
		return err
	}
	if *target == 0 {
		*target = Infinity
	}
	return nil
}

func setSignal(target *syscall.Signal, value string) error {
	parsed, err := ParseSignal(value)
	if err == nil {
		*target = parsed
	}
	return err
}

func addStatuses(set *ExitSet, value string) error {
	if value == "" {
		*set = ExitSet{}
		return nil
	}
	for _, word := range strings.Fields(value) {
		if err := set.add(word); err != nil {
			return err
		}
	}
	return nil
}

func appendWords(target *[]string, value string) error {
	if value == "" {
		*target = nil
		return nil
	}
	words, err := SplitWords(value)
	if err == nil {
		*target = append(*target, words...)
	}
	return err
}

func setStream(target *Stream, value string) error {
	kind, path, _ := strings.Cut(value, ":")
	switch kind {
	case "null", "inherit", "journal":
		*target = Stream{Kind: kind}
	case "syslog", "kmsg", "journal+console", "syslog+console", "kmsg+console", "tty":
		*target = Stream{Kind: "journal"}
	case "file", "append", "truncate":
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%q is no absolute path", path)
		}
		*target = Stream{Kind: kind, Path: path}
	default:
		return fmt.Errorf("%q is not supported", value)
	}
	return nil
}
