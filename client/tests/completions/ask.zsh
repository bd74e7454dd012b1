# Types the line "$1" and a Tab into a zsh in a terminal of its own, and prints
# what its completion system was given to choose from. Waits for its end alone.
zmodload zsh/zpty || exit 9
print -r -- 'PS1= RPS1=
fpath=($PLACE $fpath)
autoload -U compinit && compinit -u -D
unsetopt auto_list list_ambiguous prompt_cr prompt_sp
compadd() {
    # Only what is offered, not what is looked up on the way.
    if [[ " $* " != *" -"[ODA]" "* ]]; then
        local -a __offered
        builtin compadd -O __offered "$@"
        # A directory gets its slash when it is chosen.
        [[ " $* " == *" -S / "* ]] && __offered=(${^__offered}/)
        print -rl -- $__offered >> $PLACE/offered
    fi
    builtin compadd "$@"
}
complete-and-end() { zle complete-word; exit 0; }
zle -N complete-and-end
bindkey "^I" complete-and-end' > $PLACE/.zshrc
: > $PLACE/offered
export ZDOTDIR=$PLACE
zpty shell zsh -i
zpty -w -n shell "$1"$'\t'
while zpty -r shell shown; do said+=$shown; done
if [[ $said == *'(eval)'* || $said == *'command not found'* ]]; then print -r -- "$said" >&2; fi
cat $PLACE/offered
