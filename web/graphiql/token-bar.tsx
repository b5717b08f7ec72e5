import { type SyntheticEvent, useState } from "react";

interface TokenBarProps {
  readonly token: string;
  readonly onChange: (token: string) => void;
}

export function TokenBar({ token, onChange }: TokenBarProps) {
  const [draft, setDraft] = useState(token);
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    onChange(draft.trim());
  };
  return (
    <form className="token-bar" onSubmit={submit}>
      <strong>Runcast</strong>
      <label htmlFor="token">Token</label>
      <input
        id="token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="paste an API token; runcast token makes one"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
      />
      <button type="submit" disabled={draft.trim() === token}>
        Use
      </button>
      {token === "" && <span role="status">Without a token the server refuses every request.</span>}
    </form>
  );
}
