# Builds portlease from the repository that this file lies in, as it is
# committed there:
#
#   brew install --HEAD ./packaging/homebrew/portlease.rb
#
# A tap of released versions has no repository around it. packaging/release
# prints this formula with the address of a release's source and its checksum.
class Portlease < Formula
  desc "Conflict-free, stable ports for every project on this machine"
  license any_of: ["MIT", "Apache-2.0"]
  head File.expand_path("../..", __dir__), using: :git

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args(path: "client")
    system bin/"portlease", "man", "--dir", man1
    generate_completions_from_executable(bin/"portlease", "completions", "--program", opt_bin/"portlease", shells: [:bash, :zsh, :fish])
  end

  # `brew services start portlease`: from login on. Without it the first command
  # that needs the daemon starts it.
  service do
    run [opt_bin/"portlease", "daemon"]
    keep_alive crashed: true
    log_path var/"log/portlease.log"
    error_log_path var/"log/portlease.log"
  end

  test do
    ENV["PORTLEASE_HOME"] = testpath/"home"
    assert_match(/\A\d+\n\z/, shell_output("#{bin}/portlease get brewed"))
    assert_match "brewed", shell_output("#{bin}/portlease list")
    pid = JSON.parse(shell_output("#{bin}/portlease status --json"))["endpoint"]["pid"]
    Process.kill("TERM", pid)
  end
end
