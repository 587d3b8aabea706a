# fish completion for nexakey

function __nexakey_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    # A word within open quotes has no closing quote yet.
    set -l word (string unescape -- $typed; or string trim -l -c '\'"' -- $typed)
    for line in ($words[1] __complete $words[2..-1] "$word" 2>/dev/null)
        switch $line
            case ':files'
                set -l front (string match -r -- '^(?:--[^=]*=)?(?:sqlite:)?' $word)
                set -l path (string replace -- "$front" '' $word)
                for file in (__fish_complete_path "$path")
                    printf '%s\n' "$front$file"
                end
            case ':*'
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c nexakey -f -a '(__nexakey_complete)'
