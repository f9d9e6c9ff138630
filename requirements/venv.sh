# Sourced by ./run and ./test, with $root set: makes and refreshes $root/.venv.
#
#   prepare run|test    installs requirements/run.txt or test.txt, pinned and hashed, unless that is done
#
# The project itself is not built and not installed by pip: an editable install wants a build
# backend, which an installer fetches unpinned or not at all. A .pth file and a script of three
# lines do the same with uv, with pip and without a network.

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

prepare() {
    venv=$root/.venv
    wanted=$root/requirements/$1.txt
    sum=$(cksum <"$wanted") || fail "The file requirements/$1.txt cannot be read; get a fresh copy of the project."
    if ! is_prepared "$1"; then
        [ -w "$root" ] || fail "This user may not write in $root; start as the user who owns it, or copy the project."
        take_turn
        is_prepared "$1" || install "$1" # another start may have done it while we waited
        end_turn
    fi
    link_project
}

is_prepared() {
    [ "$(cat "$venv/installed-$1" 2>/dev/null)" = "$sum" ] && [ -x "$venv/bin/python" ] &&
        "$venv/bin/python" -c '' 2>/dev/null
}

install() {
    # Without a stamp it is half-made, and with a Python that is gone it is of no use.
    if ! cat "$venv"/installed-* >/dev/null 2>&1 || ! "$venv/bin/python" -c '' 2>/dev/null; then
        rm -rf "$venv"
    fi
    uv=$(command -v uv) || uv=
    if [ ! -d "$venv" ]; then
        find_python
        echo "Installing into .venv, once; this takes up to a minute." >&2
        if [ -n "$uv" ]; then
            "$uv" venv --quiet --python "${python:-3.13}" "$venv" ||
                fail "No Python 3.11 or newer was found, and uv could not get one; install Python 3.11 or newer."
        else
            [ -n "$python" ] || fail "Python 3.11 or newer is needed and none was found; install it and start again."
            "$python" -c 'import ensurepip, venv' 2>/dev/null ||
                fail "$python lacks its venv module; install it (Debian, Ubuntu: apt install python3-venv), or install uv."
            "$python" -m venv "$venv" || fail "$python could not make $venv; remove it and start again."
        fi
    fi
    rm -f "$venv"/installed-*
    if [ -n "$uv" ]; then
        VIRTUAL_ENV=$venv "$uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r "$wanted"
    else
        # --no-compile: most of what is installed is never imported, and compiling all of it takes longer than the rest.
        "$venv/bin/python" -m pip install -qq --no-compile --disable-pip-version-check --no-input --require-hashes -r "$wanted"
    fi || fail "The requirements could not be installed, as told above; check the network or the package index, and start again."
    # The test requirements hold all of the others.
    [ "$1" = run ] || cksum <"$root/requirements/run.txt" >"$venv/installed-run"
    printf '%s\n' "$sum" >"$venv/installed-$1"
}

find_python() {
    for python in python3 python3.13 python3.12 python3.11 python3.14; do
        "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null && return
    done
    python=
}

link_project() {
    for site in "$venv"/lib/python3*/site-packages; do
        [ "$(cat "$site/samewise.pth" 2>/dev/null)" = "$root" ] || printf '%s\n' "$root" >"$site/samewise.pth"
    done
    [ -x "$venv/bin/cdp" ] && return
    # -P: a directory called app, where the command is typed, is not ours.
    cat >"$venv/bin/cdp.new" <<'SCRIPT'
#!/bin/sh
here=$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")
exec "$here/python" -P -m app.cli.main "$@"
SCRIPT
    chmod 755 "$venv/bin/cdp.new" && mv "$venv/bin/cdp.new" "$venv/bin/cdp"
}

# Two starts side by side must not install into one directory at the same time.
take_turn() {
    turn=$root/.venv-turn
    unnamed=0
    until mkdir "$turn" 2>/dev/null; do
        holder=$(cat "$turn/pid" 2>/dev/null) || holder=
        [ -n "$holder" ] && unnamed=0 || unnamed=$((unnamed + 1))
        if [ "$unnamed" -gt 5 ] || { [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; }; then
            rm -rf "$turn" # its holder was killed
        else
            sleep 1
        fi
    done
    echo $$ >"$turn/pid"
    trap end_turn EXIT
    trap 'exit 130' INT TERM HUP
}

end_turn() {
    rm -rf "$turn"
    trap - EXIT INT TERM HUP
}
