# shellcheck shell=bash disable=SC2034
_portlease() {
    # Readline parts words at @, = and : as well, which names and options have.
    # They are put together again by the blanks of the line up to the cursor.
    local rest=${COMP_LINE:0:COMP_POINT} words=() word trimmed i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        trimmed=${rest#"${rest%%[![:space:]]*}"}
        word=${COMP_WORDS[i]}
        if ((i == COMP_CWORD)); then word=$trimmed; fi
        if ((i == 0)) || [[ $trimmed != "$rest" ]]; then
            words+=("$word")
        else
            words[${#words[@]}-1]+=$word
        fi
        rest=${trimmed#"$word"}
    done
    local last=$((${#words[@]} - 1))
    local typed=${words[last]#[\"\']}
    words[last]=$typed
    # Readline replaces only what follows the last of those characters.
    local kept=${typed%"${2#[\"\']}"} found
    COMPREPLY=()
    while IFS= read -r -d $'\v' found; do
        [[ -n $found ]] || continue
        printf -v found '%q' "${found#"$kept"}"
        COMPREPLY+=("$found")
    done < <(_CLAP_IFS=$'\v' _CLAP_COMPLETE_INDEX=$last PORTLEASE_COMPLETE=bash \
        @PROGRAM@ -- "${words[@]}" 2>/dev/null && printf '\v')
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _portlease portlease 2>/dev/null || complete -F _portlease portlease
