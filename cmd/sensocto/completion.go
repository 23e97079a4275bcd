package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown by --help.
func (completionCmd) Help() string {
	return `Examples:
  source <(sensocto completion bash)                                       # in ~/.bashrc
  source <(sensocto completion zsh)                                        # in ~/.zshrc
  sensocto completion fish > ~/.config/fish/completions/sensocto.fish`
}

// Run prints the script. It is static: completing does not run the program.
func (c completionCmd) Run(a *app) error {
	words := make(map[string][]string)
	completions(a.model.Node, "", words)
	switch c.Shell {
	case "fish":
		printFish(a, words)
	case "zsh":
		fmt.Fprintln(a.stdout, "autoload -Uz compinit bashcompinit && compinit && bashcompinit")
		fallthrough
	default:
		printBash(a, words)
	}
	return nil
}

// completions gathers what may follow each command: its commands and flags.
func completions(n *kong.Node, path string, words map[string][]string) {
	for _, child := range n.Children {
		if child.Hidden {
			continue
		}
		words[path] = append(words[path], child.Name)
		completions(child, strings.TrimSpace(path+" "+child.Name), words)
	}
	for _, flag := range n.Flags {
		if !flag.Hidden {
			words[path] = append(words[path], "--"+flag.Name)
		}
	}
}

func printBash(a *app, words map[string][]string) {
	fmt.Fprint(a.stdout, `_sensocto() {
  local word path="" words=""
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      -*) ;;
      *) path="${path:+$path }$word" ;;
    esac
  done
  case "$path" in
`)
	for _, path := range sortedKeys(words) {
		if path == "" {
			continue
		}
		pattern := fmt.Sprintf("%q", path)
		if !hasCommands(words, path) {
			pattern += "*" // arguments may follow
		}
		fmt.Fprintf(a.stdout, "    %s) words=%q ;;\n", pattern, strings.Join(words[path], " "))
	}
	fmt.Fprintf(a.stdout, `    *) words=%q ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _sensocto sensocto
`, strings.Join(words[""], " "))
}

func hasCommands(words map[string][]string, path string) bool {
	for other := range words {
		if strings.HasPrefix(other, path+" ") {
			return true
		}
	}
	return false
}

func printFish(a *app, words map[string][]string) {
	for _, path := range sortedKeys(words) {
		condition := "__fish_use_subcommand"
		if path != "" {
			condition = "__fish_seen_subcommand_from " + strings.ReplaceAll(path, " ", "; and __fish_seen_subcommand_from ")
		}
		for _, word := range words[path] {
			if flag, ok := strings.CutPrefix(word, "--"); ok {
				fmt.Fprintf(a.stdout, "complete -c sensocto -n %q -l %s\n", condition, flag)
			} else {
				fmt.Fprintf(a.stdout, "complete -c sensocto -f -n %q -a %s\n", condition, word)
			}
		}
	}
}
