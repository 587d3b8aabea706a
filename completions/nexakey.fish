# fish completion for nexakey

function __nexakey_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] 2>/dev/null)
    for line in $lines
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':*'
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c nexakey -f -a '(__nexakey_complete)'
