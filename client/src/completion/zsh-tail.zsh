if [[ $funcstack[1] == _portlease ]]; then
    _clap_dynamic_completer_portlease "$@"
fi
