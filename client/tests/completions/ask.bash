# Prints what bash would have on the line for each candidate of the line "$1",
# whose words readline parts at blanks and at the characters of COMP_WORDBREAKS.
. "$PLACE/portlease" || exit 9
line=$1
COMP_LINE=$line COMP_POINT=${#line} COMP_TYPE=63 COMP_KEY=9 COMP_WORDS=() COMP_CWORD=0
word=
for ((at = 0; at < ${#line}; at++)); do
    c=${line:at:1}
    case $c in
    ' ') [[ -n $word ]] && COMP_WORDS+=("$word"); word= ;;
    [@=:]) [[ -n $word ]] && COMP_WORDS+=("$word"); COMP_WORDS+=("$c"); word= ;;
    *) word+=$c ;;
    esac
done
COMP_WORDS+=("$word")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p portlease | sed 's/.*-F \([^ ]*\).*/\1/')
"$function" portlease "$word" "${COMP_WORDS[COMP_CWORD - 1]}"
before=${line##* }
before=${before%"$word"}
for found in "${COMPREPLY[@]}"; do printf '%s\n' "$before$found"; done
